// The guest: the raw image GUEST_IMAGE.

    .section .rodata.guest, "a"
    .balign 4096
    .global guest_image_start
guest_image_start:
    .incbin GUEST_IMAGE
    .global guest_image_end
guest_image_end:
