declare module 'postject' {
  /** Puts a resource into an executable; the part of the package that is used here. */
  export function inject(
    file: string,
    resource: string,
    content: Buffer,
    options: { readonly sentinelFuse: string },
  ): Promise<void>;
}
