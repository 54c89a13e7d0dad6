import type { ApiServer } from '../../shared/kube/api-server.ts';

/** What answers a request in place of the network. */
export type AnswerRequest = (url: string, init: RequestInit) => Promise<Response>;

/** An API server behind a function call. */
export function openAnswering(server: string, answer: AnswerRequest): ApiServer {
  return {
    send: async ({ method, path, headers, body, checkInTime }) => {
      checkInTime();
      const response = await answer(`${server}${path}`, {
        method,
        headers: { ...headers },
        ...(body !== undefined && { body }),
      });
      return {
        status: response.status,
        headers: Object.fromEntries(response.headers),
        body: toBody(response),
      };
    },
  };
}

async function* toBody(response: Response): AsyncGenerator<Uint8Array> {
  yield new Uint8Array(await response.arrayBuffer());
}
