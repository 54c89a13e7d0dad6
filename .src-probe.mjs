import { KubeConfig } from '@kubernetes/client-node';
import { readWiring } from '/work/main/local/wiring.ts';
import { startSources } from '/work/main/local/sources.ts';
import { startBroker } from '/work/main/local/broker.ts';
const kubeConfig = new KubeConfig(); kubeConfig.loadFromFile('/tmp/wkas/kubeconfig');
const base='/work/main/knative/';
const wiring = await readWiring([base+'base', base+'components/pools-x-k8s']);
const t0=Date.now(); const log=(...a)=>console.log(((Date.now()-t0)/1000).toFixed(2), ...a);
const s = startSources({ kubeConfig, wiring, pingEverySeconds: Number(process.env.PING??30),
 sink: (e)=>{ log('EVENT', e.type, e.subject??'', e.data?.metadata?.resourceVersion??'', JSON.stringify(e.data?.metadata?.labels??{})); },
 onNews:(n)=>log('NEWS', n.source, n.kind, n.reason??''), onGap:()=>log('GAP') });
await s.ready(); log('READY');
process.on('SIGUSR2',()=>log('RES', process.getActiveResourcesInfo().reduce((a,x)=>({...a,[x]:(a[x]??0)+1}),{}), Math.round(process.memoryUsage().rss/1e6)));
process.on('SIGTERM', async ()=>{ const t=Date.now(); await s.stop(); log('STOPPED in', Date.now()-t, process.getActiveResourcesInfo()); });
