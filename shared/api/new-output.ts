import type { Output } from './cluster-spiffe-id.ts';

/** An output before the API server knows it. */
export interface NewOutput {
  readonly metadata: Readonly<{
    name: string;
    labels: Readonly<Record<string, string>>;
    annotations: Readonly<Record<string, string>>;
  }>;
  readonly spec: Output['spec'];
}
