/** An object as it is sent to the API server. */
export interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
    readonly finalizers?: readonly string[];
  };
  readonly [field: string]: unknown;
}

/** An object as the API server shows it. */
export interface Stored extends Manifest {
  readonly metadata: Manifest['metadata'] & {
    readonly uid: string;
    readonly resourceVersion: string;
    readonly generation?: number;
    readonly deletionTimestamp?: string;
  };
}

/** The kind of an object, and where to look. */
interface Where {
  readonly apiVersion: string;
  readonly kind: string;
  readonly namespace?: string;
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
}

/** The API server said no. */
export class KubeError extends Error {
  readonly status: number;
  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

/** What people do with kubectl. Each call throws a `KubeError` where the API server refuses. */
export interface KubeClient {
  create(object: Manifest): Promise<Stored>;
  /** A merge patch. */
  edit(object: Manifest, patch: object, subresource?: 'status'): Promise<Stored>;
  replace(object: Stored): Promise<Stored>;
  /** Server-side apply. */
  apply(object: Manifest): Promise<Stored>;
  delete(object: Manifest): Promise<void>;
  /** Undefined: it is not there, or its kind is not served. */
  get(object: Manifest): Promise<Stored | undefined>;
  list(where: Where): Promise<Stored[]>;
}

/** A client for an API server that asks for no credentials. */
export function createKubeClient(
  server: string,
  fetchFrom: (url: string, init: RequestInit) => Promise<Response> = fetch,
): KubeClient {
  async function send(method: string, path: string, type?: string, content?: unknown): Promise<unknown> {
    const response = await fetchFrom(`${server}${path}`, {
      method,
      headers: { accept: 'application/json', ...(type !== undefined && { 'content-type': type }) },
      ...(content !== undefined && { body: JSON.stringify(content) }),
    });
    const text = await response.text();
    if (response.ok) return JSON.parse(text);
    throw new KubeError(response.status, toWords(text));
  }

  return {
    create: async (object) => (await send('POST', toListPath(object), json, object)) as Stored,
    edit: async (object, patch, subresource) => {
      const path = subresource ? `${toPath(object)}/${subresource}` : toPath(object);
      return (await send('PATCH', path, 'application/merge-patch+json', patch)) as Stored;
    },
    replace: async (object) => (await send('PUT', toPath(object), json, object)) as Stored,
    apply: async (object) => {
      const path = `${toPath(object)}?fieldManager=kubectl&force=true`;
      return (await send('PATCH', path, 'application/apply-patch+yaml', object)) as Stored;
    },
    delete: async (object) => void (await send('DELETE', toPath(object))),
    get: async (object) => {
      try {
        return (await send('GET', toPath(object))) as Stored;
      } catch (error) {
        if (error instanceof KubeError && error.status === 404) return undefined;
        throw error;
      }
    },
    list: async ({ apiVersion, kind, namespace, labelSelector, fieldSelector }) => {
      const query = new URLSearchParams({
        ...(labelSelector !== undefined && { labelSelector }),
        ...(fieldSelector !== undefined && { fieldSelector }),
      });
      const metadata = { name: '', ...(namespace !== undefined && { namespace }) };
      const list = await send('GET', `${toListPath({ apiVersion, kind, metadata })}?${query.toString()}`);
      // The items of a list do not say what they are.
      return (list as { items: Stored[] }).items.map((item) => ({ ...item, apiVersion, kind }));
    },
  };
}

const json = 'application/json';

function toListPath({
  apiVersion,
  kind,
  metadata,
}: Pick<Manifest, 'apiVersion' | 'kind' | 'metadata'>): string {
  const root = apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
  const place = metadata.namespace === undefined ? '' : `/namespaces/${metadata.namespace}`;
  return `${root}${place}/${kind.toLowerCase().replace(/y$/, 'ie')}s`;
}

function toPath(object: Manifest): string {
  return `${toListPath(object)}/${encodeURIComponent(object.metadata.name)}`;
}

function toWords(text: string): string {
  try {
    return String((JSON.parse(text) as { message?: string }).message);
  } catch {
    return text.slice(0, 200);
  }
}
