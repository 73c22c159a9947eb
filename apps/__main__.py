"""`python -m apps --home HOME --port N` serves the screens."""

from apps.serve import main

if __name__ == "__main__":
    main()
