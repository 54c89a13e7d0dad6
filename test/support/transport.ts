import { type HttpLibrary, ResponseContext, wrapHttpLibrary } from '@kubernetes/client-node';

/** What answers a request in place of the network. */
export type AnswerRequest = (url: string, init: RequestInit) => Promise<Response>;

/** A transport for the Kubernetes client: it calls undici's own fetch, which nothing can intercept. */
export function createTransport(answer: AnswerRequest): HttpLibrary {
  return wrapHttpLibrary({
    send: async (context) => {
      const body = context.getBody() as string | undefined;
      const method = context.getHttpMethod();
      const init = { method, headers: context.getHeaders(), ...(body !== undefined && { body }) };
      const response = await answer(context.getUrl(), init);
      const text = await response.text();
      return new ResponseContext(response.status, Object.fromEntries(response.headers), {
        text: async () => text,
        binary: async () => Buffer.from(text),
        stream: () => null,
      });
    },
  });
}
