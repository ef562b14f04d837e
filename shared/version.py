"""The version of the service: of its package, its OpenAPI document and its images."""

VERSION = "0.1.0"
