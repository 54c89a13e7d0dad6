import type { HttpMethod } from '@kubernetes/client-node';

/** A request to the API server, before it is said who asks. */
export interface ApiRequest {
  readonly method: HttpMethod;
  /** With the query. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
  /** Gives the request up, and the reading of its answer. */
  readonly signal: AbortSignal;
  /** Throws where it is too late to send it. Called once all is there that sending takes; what it throws is thrown on. */
  readonly checkInTime: () => void;
}

/** What came back, whatever it says. */
export interface ApiResponse {
  readonly status: number;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  /** Comes as it is read; who stops reading ends it. */
  readonly body: AsyncIterable<Uint8Array>;
}

/** One API server, and who we are to it. */
export interface ApiServer {
  /** Rejects where no answer came. */
  send(request: ApiRequest): Promise<ApiResponse>;
}
