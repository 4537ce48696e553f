"""Entry point for Hugging Face Spaces and for `make app`."""

from app import build_demo
from app.launch import serve

demo = build_demo()

if __name__ == "__main__":
    serve(demo)
