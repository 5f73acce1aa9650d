"""The routes that clients of the Hugging Face Hub use, below `/hub`.

They are those of https://huggingface.co that such clients call to download a model, and have that
site's names, parameters and answers: unknown parameters are ignored, as there.
"""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response

from app.context import CurrentContext
from app.hub.repo import BRANCH
from app.problems import ANSWER
from app.request.hub import FORMS, file_of, opened_repo, read_wanted_paths
from app.response.hub import entry_of, info_of, refuse, send_file
from stepzero_rnn.errors import EntryNotFound, RepoNotFound


async def _answer_as_hub(request: Request) -> None:
    request.scope[ANSWER] = refuse


async def _repo_id(owner: str, name: str) -> str:
    return f"{owner}/{name}"


router = APIRouter(prefix="/hub", include_in_schema=False, dependencies=[Depends(_answer_as_hub)])
RepoId = Annotated[str, Depends(_repo_id)]

REPO = "/{owner}/{name}"
MODEL = f"/api/models{REPO}"


@router.head(REPO + "/resolve/{revision}/{path:path}", response_class=Response)
@router.get(REPO + "/resolve/{revision}/{path:path}", response_class=Response)
@router.head(REPO + "/raw/{revision}/{path:path}", response_class=Response)
@router.get(REPO + "/raw/{revision}/{path:path}", response_class=Response)
async def fetch_hub_file(
    request: Request, repo_id: RepoId, revision: str, path: str, context: CurrentContext
) -> Response:
    """Download a file, in whole or in part."""
    repo = await opened_repo(request, context, repo_id, revision)
    file = file_of(repo, path)
    return await send_file(request, context, repo, file, is_commit=revision == repo.commit)


@router.get(MODEL)
@router.get(MODEL + "/revision/{revision}")
async def describe_hub_repo(
    request: Request, repo_id: RepoId, context: CurrentContext, revision: str = BRANCH
) -> dict[str, Any]:
    """Describe a repository and list its files."""
    repo = await opened_repo(request, context, repo_id, revision)
    with_blobs = request.query_params.get("blobs", "").lower() in ("true", "1")
    return info_of(repo, repo_id, context, with_blobs=with_blobs)


@router.get(MODEL + "/tree/{revision}")
@router.get(MODEL + "/tree/{revision}/{folder:path}")
async def list_hub_files(
    request: Request, repo_id: RepoId, revision: str, context: CurrentContext, folder: str = ""
) -> list[dict[str, Any]]:
    """List the files with sizes and hashes; there are no folders."""
    repo = await opened_repo(request, context, repo_id, revision)
    if folder:
        raise EntryNotFound(given=folder, allowed=[*repo.files], commit=repo.commit)
    expand = request.query_params.get("expand", "").lower() in ("true", "1")
    return [entry_of(repo, file, context, expand=expand) for file in repo.files.values()]


@router.post(MODEL + "/paths-info/{revision}")
async def find_hub_files(
    request: Request, repo_id: RepoId, revision: str, context: CurrentContext
) -> list[dict[str, Any]]:
    """List those of some paths that exist."""
    wanted = await read_wanted_paths(request, context)
    repo = await opened_repo(request, context, repo_id, revision)
    found = [repo.files[path] for path in dict.fromkeys(wanted.paths) if path in repo.files]
    return [entry_of(repo, file, context, expand=wanted.expand) for file in found]


@router.get(MODEL + "/refs")
async def list_hub_refs(
    request: Request, repo_id: RepoId, context: CurrentContext
) -> dict[str, Any]:
    """List the branches: the one that there is."""
    repo = await opened_repo(request, context, repo_id, BRANCH)
    branch = {"name": BRANCH, "ref": f"refs/heads/{BRANCH}", "targetCommit": repo.commit}
    return {"branches": [branch], "tags": [], "converts": []}


@router.get("/{rest:path}")
@router.post("/{rest:path}")
async def miss_hub_repo(rest: str) -> Response:
    """Say that there is nothing, in the way that clients understand."""
    raise RepoNotFound(given=rest, reason=FORMS)
