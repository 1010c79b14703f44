/** MagFlock is taken from its repository until it is on a registry. */
const INSTALL_MAG = `      - uses: actions/setup-node@v5
        with:
          node-version: 24
      - uses: actions/checkout@v5
        with:
          repository: \${{ vars.MAGFLOCK_REPOSITORY || 'magflock/magflock' }}
          ref: \${{ vars.MAGFLOCK_REF || 'main' }}
          path: .magflock
          persist-credentials: false
      - run: npm ci && npm install --global .
        working-directory: .magflock
`;

/**
 * The GitHub Actions workflow of a new extension. What signs has the identity of the workflow and runs none of the
 * packages that the tests are made with. A release is run on `main`, not on a tag: the ref is part of the identity,
 * which hosts match exactly, so that each tag would be somebody else to them.
 */
export function ciWorkflow(): string {
  return `name: ci
on:
  push:
    branches: [main]
  pull_request:
  # A release: gh workflow run ci.yml --ref main
  workflow_dispatch:

permissions:
  contents: read

jobs:
  test:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v5
        with:
          persist-credentials: false
${INSTALL_MAG}      - run: npm install
      - run: npm run check
      - run: npm test
      - run: mag extension:pack --out extension.mag
      - uses: actions/upload-artifact@v4
        with:
          name: package
          path: extension.mag

  # There is no key: operators trust the identity of this workflow, which is the same for each release:
  #   mag trust:add … --issuer https://token.actions.githubusercontent.com \\
  #     --san https://github.com/<owner>/<repository>/.github/workflows/ci.yml@refs/heads/main
  sign:
    if: github.event_name == 'workflow_dispatch' && github.ref == 'refs/heads/main'
    needs: test
    runs-on: ubuntu-latest
    permissions:
      contents: read
      id-token: write
      attestations: write
    steps:
${INSTALL_MAG}      - uses: actions/download-artifact@v5
        with:
          name: package
      - run: mag extension:sign extension.mag --keyless
      # How it was built, for hosts that ask (mag trust:require --builder … --source-repository …).
      # Of a private repository GitHub signs it elsewhere, or not at all.
      - uses: actions/attest-build-provenance@v3
        id: provenance
        if: \${{ !github.event.repository.private }}
        with:
          subject-path: extension.mag
      - run: (cat "$BUNDLE"; echo) >> extension.mag.intoto.jsonl
        if: \${{ !github.event.repository.private }}
        env:
          BUNDLE: \${{ steps.provenance.outputs.bundle-path }}
      - uses: actions/upload-artifact@v4
        with:
          name: signed-package
          path: extension.mag*
`;
}
