/** What the platform team decides for all bindings. */
export interface Settings {
  readonly trustDomain: string;
  readonly className: string | undefined;
  /** Whether outputs are confined to the binding's namespace by a namespaceSelector. */
  readonly namespaceSelector: boolean;
  /** Whether bindings that may share a workload, but need not, are refused. */
  readonly overlapPolicy: 'report' | 'refuse';
}
