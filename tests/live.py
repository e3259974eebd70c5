"""A page that is served in a thread of the process that tests, and what asks for it."""

import http.client
import shutil
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from misread.show.report import write_report
from misread.show.study_figures import FIGURES, Drawn
from misread.study.evidence import load_evidence
from misread.view.app import listening, serving
from misread.view.site import Site


def with_page(study: Path, folder: Path, figures: Sequence[str] = ()) -> Path:
    """Copy a study into a folder, and write its page there with some of its figures."""
    shutil.copytree(study, folder)
    evidence = load_evidence(folder)
    write_report(evidence, {name: Drawn.of(FIGURES[name](evidence)) for name in figures})
    return folder


@dataclass(frozen=True)
class Asked:
    """A page that is served at a port."""

    port: int

    def __call__(self, method: str, path: str, body: bytes | None = None, **headers: str):
        """Ask as its own page does, but for the headers that are given; "" leaves one out."""
        home = f"127.0.0.1:{self.port}"
        given = {"Host": home} | ({"Origin": f"http://{home}"} if method == "POST" else {})
        given |= headers
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
        for name, value in given.items():
            if value:
                connection.putheader(name, value)
        if body is not None:
            connection.putheader("Content-Length", str(len(body)))
        connection.endheaders(body)
        answer = connection.getresponse()
        content = answer.read()
        connection.close()
        return answer.status, content, answer.headers


@contextmanager
def served(site: Site) -> Iterator[Asked]:
    """Serve a page in a thread of this process."""
    listener = listening(0)
    server = serving(site, listener)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        yield Asked(listener.getsockname()[1])
    finally:
        server.should_exit = True
        thread.join()
        listener.close()
