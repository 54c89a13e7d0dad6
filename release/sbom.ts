import { join } from 'node:path';
import type { BasePart } from './bases.ts';
import type { BundledPackage } from './bundled-packages.ts';
import { runProgram } from './run-program.ts';

const root = join(import.meta.dirname, '..');

/** A CycloneDX component, as far as we look at it. */
interface Component {
  readonly 'bom-ref': string;
  readonly version: string;
  readonly purl: string;
}

interface Dependency {
  readonly ref: string;
  readonly dependsOn: readonly string[];
}

/** What npm says of the packages in package-lock.json. */
interface NpmBom {
  readonly specVersion: string;
  readonly components: readonly Component[];
  readonly dependencies: readonly Dependency[];
}

/** What an SBOM is about. */
export interface SbomSubject {
  readonly version: string;
  readonly processor: string;
  readonly bundled: readonly BundledPackage[];
  readonly parts: readonly BasePart[];
}

/**
 * Renders the CycloneDX SBOM of an image. npm describes the packages; those of which nothing is in a bundle are left out,
 * and what the image has beside the bundles is added. npm's serial number and time are left out: they differ each time.
 */
export async function renderSbom({ version, processor, bundled, parts }: SbomSubject): Promise<string> {
  // Without --omit=dev: npm 11 then also omits packages that development needs too, such as zod.
  const args = ['sbom', '--package-lock-only', '--sbom-format=cyclonedx'];
  const { specVersion, components, dependencies } = JSON.parse(
    await runProgram('npm', args, { cwd: root }),
  ) as NpmBom;
  const wanted = new Set(bundled.map((one) => `${one.name}@${one.version}`));
  const found = components.filter((component) => wanted.has(component['bom-ref']));
  if (found.length !== wanted.size) {
    const names = new Set(found.map((component) => component['bom-ref']));
    const missing = [...wanted].filter((name) => !names.has(name));
    throw new Error(`npm sbom does not know ${missing.join(', ')}, of which something is bundled`);
  }
  const others = parts.map(({ name, version: of, purl }) => ({
    'bom-ref': purl,
    type: name === 'node' ? 'platform' : 'library',
    name,
    version: of,
    purl,
  }));
  const ref = `kleym@${version}-linux-${processor}`;
  const bom = {
    $schema: `http://cyclonedx.org/schema/bom-${specVersion}.schema.json`,
    bomFormat: 'CycloneDX',
    specVersion,
    version: 1,
    metadata: {
      lifecycles: [{ phase: 'build' }],
      component: {
        'bom-ref': ref,
        type: 'container',
        name: 'kleym',
        version,
        licenses: [{ license: { id: 'Apache-2.0' } }],
      },
    },
    components: [...found, ...others],
    dependencies: [
      { ref, dependsOn: [...found, ...others].map((component) => component['bom-ref']) },
      ...dependencies
        .filter(({ ref: of }) => wanted.has(of))
        .map(({ ref: of, dependsOn }) => ({ ref: of, dependsOn: dependsOn.filter((on) => wanted.has(on)) })),
    ],
  };
  return `${JSON.stringify(bom, null, 2)}\n`;
}
