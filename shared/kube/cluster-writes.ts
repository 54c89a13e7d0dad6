import { z } from 'zod';
import { Binding, bindingResource, maxFinalizers } from '../api/binding.ts';
import { Output, outputResource } from '../api/cluster-spiffe-id.ts';
import { toApiVersion } from '../api/object-meta.ts';
import { toPath } from './addresses.ts';
import { toAccepted, toWritten } from './api-answers.ts';
import type { Cluster } from './cluster.ts';
import { eventResource, toEvent } from './kubernetes-event.ts';
import { sweepReportAddress, toSweepReportPatch } from './sweep-report-object.ts';
import type { Transport } from './transport.ts';

type ClusterWrites = Pick<
  Cluster,
  | 'patchFinalizers'
  | 'replaceStatus'
  | 'createOutput'
  | 'replaceOutput'
  | 'deleteOutput'
  | 'createEvent'
  | 'patchSweepReport'
>;

const fieldManager = 'kleym';
// A CRD that lacks one of our fields would drop it silently: a claim that is gone protects nobody. Better a refused write.
const strictly = { fieldManager, fieldValidation: 'Strict' };
const outputType = { apiVersion: toApiVersion(outputResource), kind: outputResource.kind };
const bindingType = { apiVersion: toApiVersion(bindingResource), kind: bindingResource.kind };

/** What was never stored has no resourceVersion. */
const UnstoredOutput = Output.extend({
  metadata: Output.shape.metadata.extend({ resourceVersion: z.string().default('') }),
});

/** The calls of the port that write; `reportingInstance` says in Events which of us it was. */
export function createWrites(transport: Transport, reportingInstance: string): ClusterWrites {
  return {
    patchFinalizers: async (namespace, { name, uid, resourceVersion }, finalizers) => {
      if (finalizers.length > maxFinalizers)
        return { kind: 'rejected', forbidden: false, message: `it has over ${maxFinalizers} finalizers` };
      const path = toPath({ resource: bindingResource, namespace, name });
      const body = {
        type: 'application/merge-patch+json',
        content: { metadata: { uid, resourceVersion, finalizers } },
      };
      return toWritten(
        Binding,
        await transport.write({ method: 'PATCH', path, query: { fieldManager }, body }),
      );
    },

    // PUT, because a merge patch keeps what the old status had beside ours, and a JSON patch of a status ignores the uid:
    // it lands on an object of another uid. Everything but the status is ignored, so nothing else is sent.
    replaceStatus: async (namespace, { name, uid, resourceVersion }, status) => {
      const path = toPath({ resource: bindingResource, namespace, name, subresource: 'status' });
      const body = toJsonBody({
        ...bindingType,
        metadata: { name, namespace, uid, resourceVersion },
        status,
      });
      return toWritten(Binding, await transport.write({ method: 'PUT', path, query: strictly, body }));
    },

    createOutput: async (output, { dryRun = false, ...sending } = {}) => {
      const path = toPath({ resource: outputResource });
      const query = { ...strictly, ...(dryRun ? { dryRun: 'All' } : {}) };
      const body = toJsonBody({ ...outputType, ...output });
      return toWritten(
        dryRun ? UnstoredOutput : Output,
        await transport.write({ method: 'POST', path, query, body }, sending),
      );
    },

    // The items of a list do not say what they are, and a PUT must.
    replaceOutput: async (output, sending) => {
      const path = toPath({ resource: outputResource, name: output.metadata.name });
      const body = toJsonBody({ ...output, ...outputType });
      return toWritten(
        Output,
        await transport.write({ method: 'PUT', path, query: strictly, body }, sending),
      );
    },

    deleteOutput: async ({ name, uid, resourceVersion }) => {
      const path = toPath({ resource: outputResource, name });
      const preconditions = { uid, resourceVersion };
      const body = toJsonBody({ apiVersion: 'v1', kind: 'DeleteOptions', preconditions });
      return toAccepted(await transport.write({ method: 'DELETE', path, body }));
    },

    createEvent: async (record) => {
      const { namespace } = record.binding.metadata;
      const path = toPath({ resource: eventResource, namespace });
      const body = toJsonBody(toEvent(record, reportingInstance, new Date()));
      return toAccepted(await transport.write({ method: 'POST', path, query: { fieldManager }, body }));
    },

    patchSweepReport: async (aim, report) => {
      const path = toPath(sweepReportAddress);
      const body = { type: 'application/merge-patch+json', content: toSweepReportPatch(aim, report) };
      return toAccepted(await transport.write({ method: 'PATCH', path, query: { fieldManager }, body }));
    },
  };
}

function toJsonBody(content: unknown) {
  return { type: 'application/json', content };
}
