"""The hooks, one per file: what a plugin's table `hooks` may give to a function of its library.

| hook | when to use it | nearest example |
|---|---|---|
| `traced` | Each call of a function makes a span; plain functions, coroutines and generators. | `jinja2`, `requests` |
| `traced_block` | Each `with` block makes a span; the function returns its context manager. | `pymongo` |
| `traced_handler` | Each call of a function of the application, by a framework, makes a span. | `django` (views) |
| `traced_unless_below` | Each call makes a span, unless a lower layer is traced and makes it. | `sqlalchemy` |
| `traced_result` | A span only where the call had a result: not for an idle poll. | `pika` |
| `span_per_object` | A span begins in one method of an object and ends in another. | `tornado` |
| `span_per_exchange` | A span begins when a connection sends and ends when its response is read. | `httplib` |
| `span_per_answer` | A span begins with a request and ends when the library's future is done. | `cassandra` |
| `suppress` | No span, and none for traced calls inside it: the span around the call describes it. | `requests` |
| `annotate_entry_span` | The call adds attributes to the span of the request being served. | `flask` |
| `end_entry_span` | The call ends the span of the request being served, before its handler returns. | `aiohttp` |
| `change_arguments` | The function gets other arguments; no span. | `mysql_connector` |
| `change_result` | The application gets another result; no span. | `grpc` |
| `hook_argument` | A callback that the function is given is hooked, not the function. | `pika` |
| `hook_products` | The objects that a factory makes are hooked, not the factory. | `celery`, `django` |
| `hook_methods_by_call` | The same, where how they are hooked depends on the call that makes them. | `asyncmy` |
| `hook_class` | A class written in C: a subclass with hooked methods takes its place. | `confluent_kafka` |
| `context_manager` | Wraps another hook, for a function decorated with `contextlib.contextmanager`. | `psycopg` |
| `coroutine_function` | Wraps another hook, for a coroutine function that does not say that it is one. | `asyncpg` |
| `streamed_result` | For `traced(..., hold=...)`: the span ends with the iterator returned. | `grpc`, `jinja2` |
| `suppress_outside` | Traced calls inside it make no spans where there is no current span. | `celery` |
| `opt_in` | Wraps another hook that is off unless an environment variable switches it on. | `django` |
| `where_asked` (in `opt_in`) | Wraps another hook that is off unless an option asks for it. | `django` |
| `several` | Wraps several hooks, for one function that gets all of them. | `django` |
| `warn_of_existing` | Wraps another hook; warns of objects made before it, which cannot be traced. | `django` |
| `warn_of_bound` | Wraps another hook; warns of methods kept before it, which cannot be traced. | `flask` |

A hook has one method, `wrap(target, scope)` (`kernel.hook.Hook`). A hook that only one protocol needs is in the family
of that protocol (`families/`).
"""
