// npm's install script brings the Node that every script runs on. Where it did not run, an older Node on the PATH would
// end in a stack that says nothing of that.
const [major, minor] = process.versions.node.split('.').map(Number);

if (major < 22 || (major === 22 && minor < 19)) {
  process.stderr.write(
    `kleym: found Node ${process.versions.node}, expected 22.19 or newer: run "npm ci" without --ignore-scripts, which installs Node 24 for this folder alone\n`,
  );
  process.exit(1);
}
