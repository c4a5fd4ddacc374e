"""The settings of the benchmark's Django application: a module, because contrib's instrumentor wants one at start."""

from __future__ import annotations

import os
import tempfile

PAGE = "<h1>Shelf {{ shelf }}</h1>{% for title in titles %}<p>{{ title }}</p>{% endfor %}"

ALLOWED_HOSTS = ["*"]
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": os.path.join(tempfile.gettempdir(), f"bench-{os.getpid()}.sqlite"),
    }
}
MIDDLEWARE = ["django.middleware.common.CommonMiddleware"]
ROOT_URLCONF = "programs"
SECRET_KEY = "bench"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "OPTIONS": {"loaders": [("django.template.loaders.locmem.Loader", {"shelf.html": PAGE})]},
    }
]
