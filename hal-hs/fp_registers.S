// Floating-point registers by number. The rest of the image has no instruction that uses any, so that
// they are the guest's all the time.

    .option arch, +d
    .option norvc

    .text
// uint64_t hal_hs_read_fpr(unsigned n)
    .global hal_hs_read_fpr
hal_hs_read_fpr:
    lla     t0, 1f
    slli    a0, a0, 3
    add     t0, t0, a0
    jr      t0
1:  .irp    n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, \
            25, 26, 27, 28, 29, 30, 31
    fmv.x.d a0, f\n
    ret
    .endr

// void hal_hs_write_fpr(unsigned n, uint64_t value)
    .global hal_hs_write_fpr
hal_hs_write_fpr:
    lla     t0, 1f
    slli    a0, a0, 3
    add     t0, t0, a0
    jr      t0
1:  .irp    n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, \
            25, 26, 27, 28, 29, 30, 31
    fmv.d.x f\n, a1
    ret
    .endr
