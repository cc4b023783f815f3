"""The `marquee` command from its first moment: Ctrl-C while it is still being read ends it as later, with 130."""

import sys

_INTERRUPTED = 130  # as a shell says it


def main() -> None:
    try:
        from marquee.cli import main as run  # noqa: PLC0415 - reading it takes long enough to change one's mind
    except KeyboardInterrupt:
        sys.exit(_INTERRUPTED)
    run()


if __name__ == "__main__":
    main()
