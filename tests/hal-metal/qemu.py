"""QEMU's boards as images run on them."""

PROGRAM = {"EL2": "qemu-system-aarch64", "HS": "qemu-system-riscv64"}
BOARD = ["-m", "1024", "-nic", "none", "-display", "none", "-monitor", "none", "-serial", "stdio",
         "-no-reboot"]


def machine(mode, cpus, gic):
    if mode == "HS":
        # Of a board for one hart an AMO is a load and a store, and traps as a load.
        return ["-machine", "virt", "-cpu", "rv64,h=true", "-bios", "default",
                "-smp", f"{cpus},maxcpus={max(cpus, 2)}"]
    return ["-machine", f"virt,virtualization=on,gic-version={gic}", "-cpu", "cortex-a72",
            "-smp", str(cpus)]


def command(program, mode, image, *options, cpus=1, gic=3):
    """Runs an image for `mode` (EL2, HS), with its console as the standard output. `gic`: the
    version of the board's, for EL2."""
    return [program, *machine(mode, cpus, gic), *BOARD, "-kernel", image, *options]
