/**
 * The CustomResourceDefinitions by which manifests are judged, as YAML. The build puts their texts in the place of this
 * module: a single file has no folder beside it.
 */
export { readDefinitions } from '../../local/crds/definitions.ts';
