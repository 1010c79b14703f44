import type { BundleContents, PackageContents } from '../../kernel/trust/contents.ts';
import type { CapabilityName } from '../../manifests/catalog/index.ts';
import { contributionNeeds } from '../../manifests/manifest/rules.ts';
import { CALLS, type CallName } from '../../manifests/protocol/calls.ts';
import type { ModuleScan } from './module-scan.ts';
import { type Check, check } from './report.ts';

/** Shorter than that no reason tells an operator what a right is for. */
const MIN_REASON = 10;

/** Complete: what nobody is forced to write, but everybody wants to read. It was valid to get here. */
export function manifestCheck({ manifest }: PackageContents | BundleContents): Check {
  const failures = [
    ...(manifest.displayName.trim().length < 3 ? ['displayName says nothing.'] : []),
    ...(manifest.description.trim().length < 10 ? ['description says too little.'] : []),
  ];
  return check('manifest', { failures });
}

/** Least privilege, as far as the text of the code tells. At run time the gate decides, whatever was said here. */
export function capabilityCheck({ manifest }: PackageContents, scan: ModuleScan): Check {
  const declared = new Set<string>(manifest.capabilities.map(({ name }) => name));
  const contributed = contributionNeeds(manifest).map(([, capability]) => capability);
  const called = [...scan.calls.keys()].flatMap(needsOf);
  const perhaps = [...scan.families.keys()].flatMap(needsOfFamily);
  const used = new Set<string>([...contributed, ...called, ...perhaps]);
  const vague = manifest.capabilities.filter(({ reason }) => reason.trim().length < MIN_REASON);
  const unused = [...declared].filter((name) => !used.has(name));
  const undeclared = [...scan.calls].filter(([call]) => {
    const needs = needsOf(call);
    return needs.length > 0 && !needs.some((name) => declared.has(name));
  });
  const isHidden = scan.computed.length > 0;
  const unusedTexts = unused.map((name) => `${name} is declared, and the code does not use it.`);
  return check('capabilities', {
    failures: [
      ...vague.map(
        ({ name, reason }) => `The reason for ${name} says too little: ${JSON.stringify(reason)}.`,
      ),
      ...undeclared.map(
        ([call, line]) =>
          `line ${line}: uses ctx.${call}, which needs ${needsOf(call).join(' or ')}: undeclared.`,
      ),
      ...(isHidden ? [] : unusedTexts),
    ],
    questions: [
      ...(isHidden ? unusedTexts : []),
      ...scan.computed.map(
        (line) => `line ${line}: looks a member of ctx up by a name made at run time, or gives ctx another.`,
      ),
      ...[...scan.families]
        .filter(([family]) => needsOfFamily(family).length > 0)
        .map(([family, line]) => `line ${line}: hands ctx.${family} on; look which of its calls are made.`),
    ],
    notes: manifest.capabilities.map(({ name, reason }) => `${name}: ${reason}`),
  });
}

export function securityCheck({ dangers, suspicions }: ModuleScan): Check {
  return check('security', { failures: dangers, questions: suspicions });
}

function needsOf(call: CallName): readonly CapabilityName[] {
  const { needs } = CALLS[call];
  if (needs === 'none') return [];
  return 'anyOf' in needs ? needs.anyOf : [needs.capability];
}

function needsOfFamily(family: string): readonly CapabilityName[] {
  const calls = (Object.keys(CALLS) as CallName[]).filter((call) => call.startsWith(`${family}.`));
  return calls.flatMap(needsOf);
}
