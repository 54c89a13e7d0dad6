import type { ApiServer } from '../../shared/kube/api-server.ts';

/** A request that was answered. */
export interface AnsweredRequest {
  readonly method: string;
  readonly path: string;
  readonly status: number;
  readonly ms: number;
}

/** Tells of each request that was answered. */
export function observeRequests(
  apiServer: ApiServer,
  onAnswer: (request: AnsweredRequest) => void,
): ApiServer {
  return {
    ...apiServer,
    send: async (request) => {
      const since = performance.now();
      const response = await apiServer.send(request);
      const { method, path } = request;
      onAnswer({ method, path, status: response.status, ms: Math.round(performance.now() - since) });
      return response;
    },
  };
}
