"""The documentation page, with Swagger UI from an installed package: no other server is asked.

The addresses in the page are relative, so that it works behind a proxy that strips a prefix.
"""

from importlib.resources import files
from mimetypes import guess_type
from pathlib import Path

from fastapi import APIRouter, FastAPI, HTTPException, Response
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.responses import JSONResponse

from api_service.http.public_address import Base
from api_service.http.strict_json import StrictRoute

_SCRIPT, _STYLE, _ICON = "swagger-ui-bundle.js", "swagger-ui.css", "favicon-32x32.png"
ASSETS = {
    name: Path(str(files("fastapi_swagger") / "resources" / name))
    for name in (_SCRIPT, _STYLE, _ICON)
}
_LINKS = '<docs>; rel="service-doc", <openapi.json>; rel="service-desc"'
"""RFC 8631."""


def documentation(app: FastAPI, *, prefix: str) -> APIRouter:
    """Make the routes of the page, of its assets, and of the index that links to it."""
    router = APIRouter(route_class=StrictRoute, prefix=prefix, include_in_schema=False)
    page = get_swagger_ui_html(
        openapi_url="openapi.json",
        title=app.title,
        swagger_js_url=f"docs/{_SCRIPT}",
        swagger_css_url=f"docs/{_STYLE}",
        swagger_favicon_url=f"docs/{_ICON}",
        swagger_ui_parameters={"validatorUrl": "none", "displayRequestDuration": True},
    )

    @router.get("/")
    async def show_index(base: Base) -> Response:
        index = {
            "title": app.title,
            "version": app.version,
            "documentation": f"{base}/docs",
            "openapi": f"{base}/openapi.json",
        }
        return JSONResponse(index, headers={"Link": _LINKS})

    @router.get("/openapi.json")
    async def show_document(base: Base) -> Response:
        server = base.removesuffix(prefix) or "/"
        return JSONResponse({**app.openapi(), "servers": [{"url": server}]})

    @router.get("/docs")
    async def show_documentation() -> Response:
        return page

    @router.get("/docs/{asset}")
    async def show_asset(asset: str) -> Response:
        if asset not in ASSETS:
            raise HTTPException(404)
        media_type, _ = guess_type(asset)
        return Response(
            ASSETS[asset].read_bytes(),
            media_type=media_type,
            headers={"Cache-Control": "public, max-age=3600"},
        )

    return router
