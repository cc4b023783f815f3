"""A bare BentoML endpoint that answers a ready-made list: what the framework costs without us."""

import os

import bentoml

_TITLES = [
    {"title_id": n, "name": f"Title {n}", "year": 2000, "kind": "movie", "genres": ["Dramas"], "rank": n, "score": 0.5}
    for n in range(1, 11)
]


@bentoml.service(name="bare", workers=1, http={"host": "127.0.0.1", "port": int(os.environ["MARQUEE_PORT"])})
class Bare:
    @bentoml.api  # type: ignore[untyped-decorator]
    def recommend(self, user_id: int, k: int = 10, explain: bool = False) -> dict[str, object]:
        return {"user_id": user_id, "explain": explain, "titles": _TITLES[:k]}
