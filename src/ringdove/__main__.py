"""`python -m ringdove` is `ringdove`."""

from ringdove.cli import main

if __name__ == "__main__":
    main()
