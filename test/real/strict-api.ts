import type { Manifest, Stored } from '../support/kube-client.ts';

/** What the API server answered to a write. */
interface Written {
  readonly status: number;
  /** Its words, where it refuses. */
  readonly message: string;
  /** What kubectl would print beside the result; empty where there is nothing to say. */
  readonly warning: string;
  readonly object: Stored;
}

/** Writes as a careful person does: with strict validation of fields, and an eye on warnings. */
export interface StrictApi {
  /** Server-side apply. */
  apply(object: Manifest): Promise<Written>;
  /** What would become of a creation. */
  tryCreate(object: Manifest): Promise<Written>;
}

const strictly = 'fieldManager=kubectl&fieldValidation=Strict';

/** Connects to an API server that asks for no credentials. */
export function connectStrictly(server: string): StrictApi {
  async function send(method: string, path: string, type: string, content: Manifest): Promise<Written> {
    const headers = { accept: 'application/json', 'content-type': type };
    const response = await fetch(`${server}${path}`, { method, headers, body: JSON.stringify(content) });
    const object = (await response.json()) as Stored & { readonly message?: string };
    return {
      status: response.status,
      message: response.ok ? '' : String(object.message),
      warning: response.headers.get('warning') ?? '',
      object,
    };
  }

  const discovered = new Map<string, Promise<readonly Served[]>>();

  async function discover(apiVersion: string): Promise<readonly Served[]> {
    const root = toRoot(apiVersion);
    const { resources = [] } = (await (await fetch(`${server}${root}`)).json()) as { resources?: Served[] };
    return resources.filter(({ name }) => !name.includes('/'));
  }

  /** Where the objects of this kind are, as the API server says: a plural cannot be guessed. */
  async function findList({ apiVersion, kind, metadata }: Manifest): Promise<string> {
    const known = discovered.get(apiVersion) ?? discover(apiVersion);
    discovered.set(apiVersion, known);
    const served = (await known).find((one) => one.kind === kind);
    if (!served) throw new Error(`the API server does not serve ${apiVersion} ${kind}`);
    if (served.namespaced !== (metadata.namespace !== undefined))
      throw new Error(
        `${kind} ${metadata.name}: a kind is in namespaces or it is not, and the manifest has it otherwise`,
      );
    const place = served.namespaced ? `/namespaces/${metadata.namespace}` : '';
    return `${toRoot(apiVersion)}${place}/${served.name}`;
  }

  return {
    apply: async (object) => {
      const path = `${await findList(object)}/${object.metadata.name}?${strictly}`;
      return await send('PATCH', path, 'application/apply-patch+yaml', object);
    },
    tryCreate: async (object) => {
      const path = `${await findList(object)}?${strictly}&dryRun=All`;
      return await send('POST', path, 'application/json', object);
    },
  };
}

interface Served {
  readonly name: string;
  readonly kind: string;
  readonly namespaced: boolean;
}

function toRoot(apiVersion: string): string {
  return apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
}
