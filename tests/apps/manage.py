"""What `django-admin startproject` makes: settings are named here, long after the program has started."""

import os
import sys

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tearoom.settings")

    from django.core.management import execute_from_command_line

    execute_from_command_line(sys.argv)
