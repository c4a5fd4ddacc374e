from __future__ import annotations

from pathlib import Path

import pytest

from otel_dd_distro.export import container

ID = "0123456789abcdef" * 4


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (f"0::/docker/{ID}", ID),
        (f"13:name=systemd:/docker/{ID}", ID),
        (f"0::/system.slice/docker-{ID}.scope", ID),
        (f"0::/kubepods/burstable/pod2d3da189-6407-48e3-9ab6-78188d75e609/{ID}", ID),
        (
            f"0::/kubepods.slice/kubepods-pod2d3da189_6407_48e3_9ab6_78188d75e609.slice/cri-containerd-{ID}.scope",
            ID,
        ),
        (
            "1:name=systemd:/ecs/55091c13-b8cf-4801-b527-f4601742204d/432624d2150b349fe35ba397284dea78-2570171423",
            "432624d2150b349fe35ba397284dea78-2570171423",
        ),
        ("1:cpu:/garden/34dc0b5e-626f-2c5c-4c51-70e34b10e765", "34dc0b5e-626f-2c5c-4c51-70e34b10e765"),
        ("1:cpu:/x/34dc0b5e_626f_2c5c_4c51_70e34b10e765", "34dc0b5e_626f_2c5c_4c51_70e34b10e765"),
    ],
)
def test_a_container_id_is_found_in_the_last_element_of_a_cgroup_path(tmp_path: Path, line: str, expected: str) -> None:
    (tmp_path / "cgroup").write_text(f"12:pids:/user.slice\n{line}\n")
    found = container.headers(str(tmp_path / "cgroup"), str(tmp_path))
    assert found == {"Datadog-Container-ID": expected, "Datadog-Entity-ID": f"ci-{expected}"}


@pytest.mark.parametrize(
    ("line", "folder"),
    [("0::/", "."), ("0::/user.slice", "user.slice"), ("4:memory:/a/b", "memory/a/b")],
)
def test_without_an_id_the_inode_of_the_cgroup_is_told(tmp_path: Path, line: str, folder: str) -> None:
    (tmp_path / folder).mkdir(parents=True, exist_ok=True)
    (tmp_path / "cgroup").write_text(f"9:name=systemd:/\n{line}\n")
    inode = (tmp_path / folder).stat().st_ino
    assert container.headers(str(tmp_path / "cgroup"), str(tmp_path)) == {"Datadog-Entity-ID": f"in-{inode}"}


@pytest.mark.parametrize(
    "content", ["", "nonsense", "1:cpu:/x\n", "0::/no/such/folder", f"0::/pod{ID[:20]}.slice", "\x00\xff:::"]
)
def test_what_cannot_be_known_is_left_out(tmp_path: Path, content: str) -> None:
    (tmp_path / "cgroup").write_text(content, encoding="latin-1")
    assert container.headers(str(tmp_path / "cgroup"), str(tmp_path / "fs")) == {}


def test_outside_linux_nothing_is_told(tmp_path: Path) -> None:
    assert container.headers(str(tmp_path / "absent")) == {}
