# One image for all functions; each Service names the one that it runs: /app/<function>/main.mjs.
# Pin both images by digest where you build:
#   docker build --build-arg BUILD_IMAGE=node:24-trixie-slim@sha256:... --build-arg RUN_IMAGE=gcr.io/distroless/nodejs24-debian13:nonroot@sha256:... .
ARG BUILD_IMAGE=node:24-trixie-slim
ARG RUN_IMAGE=gcr.io/distroless/nodejs24-debian13:nonroot

FROM ${BUILD_IMAGE} AS build
WORKDIR /build
COPY package.json package-lock.json ./
COPY local/kube-api/package.json local/kube-api/package.json
RUN npm ci --no-audit --no-fund
COPY build.ts ./
COPY functions functions
COPY shared shared
RUN npm run --silent build:functions

FROM ${RUN_IMAGE}
WORKDIR /app
COPY --from=build /build/dist /app
# By number, because runAsNonRoot cannot tell from a name who that is.
USER 65532:65532
# Where distroless images have node; elsewhere it is in the PATH already.
ENV PATH=/nodejs/bin:/usr/local/bin:/usr/bin:/bin
ENTRYPOINT ["node"]
