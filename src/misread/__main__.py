"""`python -m misread` is `misread`."""

from misread.cli import main

if __name__ == "__main__":
    main(prog_name="misread")
