"""What each exercise asks for. A check returns when its exercise is solved, else raises Missing."""

from exercise import Missing

DATA_REGISTER = "0x9000000"


def first_exit(exercise):
    exercise.build_guest("guest.S", bare=True)
    run = exercise.run()
    calls = run.of("FirmwareCall", "DeviceAccess")
    if not calls or calls[0].get("name") != "PSCI_VERSION":
        raise Missing("the first exit is not a call of PSCI_VERSION")
    digit = str(int(calls[0]["result"], 16) >> 16)
    if len(calls) < 2 or calls[1].get("address") != DATA_REGISTER or not calls[1]["is_write"]:
        raise Missing("the second exit is not a store to the PL011's data register")
    console = run.console.rstrip("\n")
    if console != digit:
        raise Missing(f"the console shows {console!r}, expected the major version, {digit!r}")
    if run.status != 0:
        raise Missing("the guest does not power off")
    if run.exits != 3:
        raise Missing(f"there are {run.exits} exits, expected 3")


CHECKS = {
    1: first_exit,
}
