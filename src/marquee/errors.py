"""Every error the project raises on purpose. Each message says what, where, and the way out.

    MarqueeError
    ├── ParamsError         params.yaml: a key that is unknown, of the wrong type, or out of range
    ├── TableError          a frame is not the table it should be
    ├── SourceError         a file or archive is missing, cut short, or not what its name says
    ├── TooManyRejects      more of a source was set aside than params.yaml allows
    ├── StoreError          the event store cannot be reached, or is of another version
    ├── WatchApiError       the watch API gave no usable answer, also after retrying
    ├── ModelError          a model folder is damaged, foreign or of another format; a viewer or title it lacks
    ├── RegistryError       the registry is away, or holds no such version
    ├── LoopError           a flow cannot go on: a setting, a service that lags
    │   ├── StageError      or a stage of the pipeline failed
    │   └── BusyError       or another program uses the pipeline; later it may not
    ├── ServiceError        the service cannot start: a setting, or an address that is open to strangers
    ├── CrowdedError        or it runs, and is asked for more than it can answer just now
    ├── AccessError         who asks is not known: no key or token, or none that holds
    │   └── ForbiddenError  or is known, and may not
    └── RequestError        the service was asked for what it cannot answer
        └── NotFoundError   or for somebody or something that is not there

The `marquee` command prints them as one line and exits 2; `marquee --debug` shows the traceback.
"""


class MarqueeError(Exception):
    """The root: whatever is below it is an answer to the user, not a defect."""


class ParamsError(MarqueeError):
    pass


class TableError(MarqueeError):
    pass


class SourceError(MarqueeError):
    pass


class TooManyRejects(MarqueeError):  # noqa: N818 - it reads as what it is
    pass


class StoreError(MarqueeError):
    pass


class WatchApiError(MarqueeError):
    pass


class ModelError(MarqueeError):
    pass


class RegistryError(MarqueeError):
    pass


class LoopError(MarqueeError):
    pass


class StageError(LoopError):
    pass


class BusyError(LoopError):
    pass


class ServiceError(MarqueeError):
    pass


class CrowdedError(MarqueeError):
    pass


class AccessError(MarqueeError):
    pass


class ForbiddenError(AccessError):
    pass


class RequestError(MarqueeError):
    pass


class NotFoundError(RequestError):
    pass
