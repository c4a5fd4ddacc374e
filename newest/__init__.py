"""The tests on Pythons that are newer than those of the machine, from Debian's unstable suite: `nox -s newest`."""
