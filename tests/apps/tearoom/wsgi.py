"""The project for servers of that kind."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tearoom.settings")
application = get_wsgi_application()
