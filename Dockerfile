# Two stages: the wheel is built with Node at hand (the pages' scripts come from npm), the image that runs has neither.
FROM python:3.11-slim-bookworm AS build
RUN apt-get update && apt-get install -y --no-install-recommends nodejs npm && rm -rf /var/lib/apt/lists/*
WORKDIR /source
COPY . .
RUN pip wheel --no-cache-dir --wheel-dir /wheels ".[fast,cluster,crawl,bert]"

FROM python:3.11-slim-bookworm
RUN --mount=type=bind,from=build,source=/wheels,target=/wheels \
    pip install --no-cache-dir --no-index --find-links /wheels "minsheng[fast,cluster,crawl,bert]"
RUN useradd --system --uid 10001 --home-dir /data minsheng && install -d -o minsheng -m 0700 /data
USER minsheng
VOLUME /data
ENV MINSHENG_HOME=/data PYTHONUNBUFFERED=1
EXPOSE 8000
ENTRYPOINT ["minsheng"]
CMD ["api"]
