# One image for all functions; each Service names the one that it runs: /app/<function>/main.mjs.
# Pin both images by digest where you build:
#   docker build --build-arg BUILD_IMAGE=node:24-trixie-slim@sha256:... --build-arg RUN_IMAGE=gcr.io/distroless/nodejs24-debian13:nonroot@sha256:... .
ARG BUILD_IMAGE=node:24-trixie-slim
ARG RUN_IMAGE=gcr.io/distroless/nodejs24-debian13:nonroot

# The bundles are the same for every processor, so they are built on the one that builds.
FROM --platform=$BUILDPLATFORM ${BUILD_IMAGE} AS build
WORKDIR /build
# A place that does not depend on who builds, so that a cache can be mounted there.
ENV npm_config_cache=/var/cache/npm
COPY package.json package-lock.json ./
COPY local/kube-api/package.json local/kube-api/package.json
RUN npm ci --ignore-scripts --no-audit --no-fund
# tsconfig.json says what becomes of the console's pages, which are .tsx.
COPY build.ts tsconfig.json LICENSE ./
COPY release/bundled-packages.ts release/bundled-packages.ts
COPY functions functions
COPY shared shared
# The functions do not read source maps, which are two thirds of what is built.
RUN npm run --silent build:functions && rm dist/*/*.map && mv dist /app

FROM ${RUN_IMAGE}
WORKDIR /app
COPY --from=build /app /app
# By number, because runAsNonRoot cannot tell from a name who that is.
USER 65532:65532
# Where distroless images have node; elsewhere it is in the PATH already.
ENV PATH=/nodejs/bin:/usr/local/bin:/usr/bin:/bin
ENTRYPOINT ["node"]
