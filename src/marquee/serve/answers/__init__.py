"""Answers: one method an endpoint, without HTTP. Requests and the moment come in, replies go out.

Each answer takes one reference to the model at its start and uses it to the end, so no reply mixes two versions. What
cannot be answered is a RequestError or a NotFoundError; a store that is away is a StoreError where there is nothing to
say without it, and `degraded` in the reply where there is.
"""

from collections.abc import Callable
from datetime import datetime

from marquee.serve import schemas as s
from marquee.serve.served import Served
from marquee.serve.shown import Shown
from marquee.serve.storing import Store


class Answers:
    """Threads may share one."""

    def __init__(self, served: Callable[[], Served], store: Store, shown: Shown) -> None:
        self._served, self._store, self._shown = served, store, shown

    def recommend(self, request: s.RecommendRequest, now: datetime) -> s.ListReply:
        raise NotImplementedError

    def shelves(self, request: s.ShelvesRequest, now: datetime) -> s.PageReply:
        raise NotImplementedError

    def events(self, request: s.EventsRequest, now: datetime) -> s.EventsReply:
        raise NotImplementedError

    def finished(self, request: s.FinishedRequest, now: datetime) -> s.FinishedReply:
        raise NotImplementedError

    def similar(self, request: s.SimilarRequest, now: datetime) -> s.SimilarReply:
        raise NotImplementedError

    def stars(self, request: s.StarsRequest, now: datetime) -> s.StarsReply:
        raise NotImplementedError

    def search(self, request: s.SearchRequest, now: datetime) -> s.SearchReply:
        raise NotImplementedError

    def title(self, title_id: int, now: datetime) -> s.TitleReply:
        raise NotImplementedError

    def viewer(self, user_id: int, now: datetime) -> s.ViewerReply:
        raise NotImplementedError

    def export(self, user_id: int, now: datetime) -> s.ExportReply:
        raise NotImplementedError

    def forget(self, user_id: int, now: datetime) -> s.ForgetReply:
        raise NotImplementedError

    def sign_up(self, request: s.SignUpRequest, now: datetime) -> s.SignUpReply:
        raise NotImplementedError

    def model(self) -> s.ModelReply:
        raise NotImplementedError
