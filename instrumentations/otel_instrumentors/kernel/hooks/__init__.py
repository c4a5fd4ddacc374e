"""The ways of watching a function, one per file; a plugin's table says which of its library's functions gets which.

| hook | when to use it | nearest example |
|---|---|---|
| `traced` | A call deserves a span: a function of the library, of any shape. | `jinja2`, `requests` |
| `traced_block` | A `with` block deserves a span: the library's function gives its context manager. | `pymongo` |
| `traced_handler` | A span around what the application wrote and a framework calls. | `django` (views) |
| `traced_unless_below` | A span that a lower layer makes instead, where that is traced too. | `sqlalchemy` |
| `span_per_object` | A span begins in one method of an object and ends in another. | `tornado` |
| `span_per_exchange` | A span begins when a connection sends and ends when its response is read. | `httplib` |
| `span_per_answer` | A span begins with a question and ends when the library's future is answered. | `cassandra` |
| `suppress` | A call is told by the span around it: what is traced below stays silent; no span. | `requests` |
| `annotate_entry_span` | Something is learnt of the request being served after its span began. | `flask` |
| `end_entry_span` | The request being served is over before its handler is. | `aiohttp` |
| `change_arguments` | The function is to get other arguments; no span. | `mysql_connector` |
| `change_result` | The application is to get another result; no span. | `grpc` |
| `hook_products` | What a factory makes is to be hooked, not the factory. | `celery`, `django` |
| `context_manager` | Around another hook: the function is decorated with `contextmanager`. | `psycopg` |
| `streamed_result` | The result is an iterator that is read after the call; a `hold` for `traced`. | `grpc`, `jinja2` |
| `suppress_outside` | What a library does for itself, outside of any span, is to make none. | `celery` |
| `opt_in` | Around another hook: it is off unless an operator switches it on. | `django` |
| `several` | Around other hooks: a function gets all of them. | `django` |
| `warn_of_existing` | Around another hook: objects made before it was placed cannot be traced. | `django` |

A hook has one method, `wrap(target, scope)` (`kernel.hook.Hook`). A hook that only one protocol needs stands in the
family of that protocol.
"""
