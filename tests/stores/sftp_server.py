"""An SFTP server that gives the files of a folder to whoever knows the password."""

import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import paramiko


class _Door(paramiko.ServerInterface):
    def __init__(self, password: str) -> None:
        self.password = password

    def check_auth_password(self, username: str, password: str) -> int:
        return paramiko.AUTH_SUCCESSFUL if password == self.password else paramiko.AUTH_FAILED

    def check_channel_request(self, kind: str, chanid: int) -> int:
        return paramiko.OPEN_SUCCEEDED

    def get_allowed_auths(self, username: str) -> str:
        return "password"


def _files(folder: Path) -> type[paramiko.SFTPServerInterface]:
    class Files(paramiko.SFTPServerInterface):
        def list_folder(self, path: str) -> object:
            there = folder / path.lstrip("/")
            found = []
            for one in sorted(there.iterdir()):
                told = paramiko.SFTPAttributes.from_stat(one.stat())
                told.filename = one.name
                found.append(told)
            return found

        def stat(self, path: str) -> object:
            try:
                return paramiko.SFTPAttributes.from_stat((folder / path.lstrip("/")).stat())
            except FileNotFoundError:
                return paramiko.SFTP_NO_SUCH_FILE

        lstat = stat

        def open(self, path: str, flags: int, attr: object) -> object:
            handle = paramiko.SFTPHandle(flags & os.O_RDONLY)
            handle.readfile = (folder / path.lstrip("/")).open("rb")
            handle.stat = lambda: self.stat(path)  # type: ignore[method-assign]
            return handle

    return Files


@contextmanager
def serving(folder: Path, password: str) -> Iterator[int]:
    """The port on which the folder is served within the block."""
    key = paramiko.RSAKey.generate(2048)
    listening = socket.create_server(("127.0.0.1", 0))
    transports: list[paramiko.Transport] = []

    def serve() -> None:
        while True:
            try:
                connection, _ = listening.accept()
            except OSError:
                return
            transport = paramiko.Transport(connection)
            transport.add_server_key(key)
            transport.set_subsystem_handler("sftp", paramiko.SFTPServer, _files(folder))
            transport.start_server(server=_Door(password))
            transports.append(transport)

    threading.Thread(target=serve, daemon=True).start()
    yield listening.getsockname()[1]
    for transport in transports:
        transport.close()
    listening.close()
