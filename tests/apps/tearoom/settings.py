"""Settings of the project."""

ALLOWED_HOSTS = ["*"]
ASGI_APPLICATION = "tearoom.asgi.application"
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}}
DEBUG = True
INSTALLED_APPS = ["django.contrib.staticfiles"]
MIDDLEWARE = ["django.middleware.common.CommonMiddleware"]
ROOT_URLCONF = "tearoom.urls"
SECRET_KEY = "not a secret"
STATIC_URL = "/static/"
USE_TZ = True
WSGI_APPLICATION = "tearoom.wsgi.application"
