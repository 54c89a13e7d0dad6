import { answerRequest } from './api.ts';
import { applyManifests } from './apply-manifests.ts';
import { StatusError } from './status-error.ts';
import { createServerState } from './server-state.ts';
import { createStore } from './store.ts';

/** A request as a client sends it. */
export interface PlainRequest {
  readonly method: string;
  readonly url: URL;
  readonly contentType: string;
  readonly body: string;
}

/** What a client reads. */
export interface PlainAnswer {
  readonly status: number;
  readonly contentType: string;
  readonly text: string;
}

/**
 * The same API in memory and without a port: a request reaches it by a call, so that thousands of them take a moment.
 * It has no namespaces to begin with, removes none that is being deleted, and opens no watches.
 */
export function createApiWithoutPort(crds: readonly string[]): (request: PlainRequest) => PlainAnswer {
  const state = createServerState(
    createStore([], () => {}),
    () => {},
  );
  for (const crd of crds) applyManifests(state, crd);
  return ({ method, url, contentType, body }) => {
    try {
      const { pathname: path, searchParams: query } = url;
      const answer = answerRequest(state, { method, path, query, accept: '', contentType, body });
      if (answer.kind === 'watch') throw new Error(`a watch of ${path} needs a port`);
      return answer.kind === 'text'
        ? { status: answer.status, contentType: answer.contentType, text: answer.body }
        : toJsonAnswer(answer.status, answer.body);
    } catch (error) {
      if (!(error instanceof StatusError)) throw error;
      return toJsonAnswer(error.status.code, error.status);
    }
  };
}

function toJsonAnswer(status: number, body: unknown): PlainAnswer {
  return { status, contentType: 'application/json', text: JSON.stringify(body) };
}
