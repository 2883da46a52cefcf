/** Writes a V3 bundle: a directory with the metadata of all components, and the payloads below `payloads/`. */

import type { FileRecord, FileRole, PackageRecord } from '../manifest.ts'
import type { BundleComponent, BundlePlan } from '../plan/bundle-plan.ts'
import { formatDate } from '../plan/calendar.ts'
import type { TextSizes } from '../plan/package-plan.ts'
import { contentOf } from './content.ts'
import type { ImageMaker } from './image.ts'
import { payloadOf } from './payloads.ts'
import { renderChangeHistory, renderHtml, renderReadme } from './texts.ts'
import type { Tree } from './tree.ts'
import {
  renderBundleIndex,
  renderIndex,
  renderInventory,
  renderLocation,
  renderSignature,
  type V3Component
} from './v3-json.ts'

/** Real components have short texts: the details are in those of their parent. */
const MAX_README_BYTES = 6000
const MAX_CHANGES_BYTES = 4000

/** @returns the record of the bundle, then those of its components */
export async function writeBundle(
  tree: Tree,
  bundle: BundlePlan,
  texts: TextSizes,
  image: ImageMaker
): Promise<PackageRecord[]> {
  const payloads = new Map<string, FileRecord>()
  const described: V3Component[] = []
  const records: PackageRecord[] = []
  for (const component of bundle.components) {
    const payload = payloads.get(component.payload) ?? (await writePayload(tree, bundle, component, image))
    payloads.set(component.payload, payload)
    const facts = describe(bundle, component, payload)
    described.push(facts)
    records.push(recordOf(bundle, component, [payload, ...(await writeComponent(tree, bundle, facts, texts))]))
  }
  return [await writeRoot(tree, bundle, described, texts), ...records]
}

async function writePayload(
  tree: Tree,
  { fixid, releasedAt }: BundlePlan,
  component: BundleComponent,
  image: ImageMaker
): Promise<FileRecord> {
  const request = { key: component.fixid, extension: 'uxz', size: component.size, releasedAt } as const
  return tree.write(`${fixid}/${component.payload}`, 'payload', payloadOf(request, image), releasedAt)
}

function describe(bundle: BundlePlan, component: BundleComponent, payload: FileRecord): V3Component {
  const { fixid, title, version, softwareId, updateType, activation, parent } = component
  return {
    fixid,
    title,
    version,
    releasedAt: bundle.releasedAt,
    machineTypes: bundle.machines.map(({ type }) => type),
    softwareIds: [softwareId],
    updateType,
    activation,
    prerequisites: [],
    payloads: [{ path: component.payload, size: payload.size, sha256: payload.sha256 }],
    parent,
    hasLocation: true
  }
}

async function writeComponent(
  tree: Tree,
  bundle: BundlePlan,
  component: V3Component,
  texts: TextSizes
): Promise<FileRecord[]> {
  const { fixid, releasedAt } = component
  const write = (suffix: string, role: FileRole, text: string) =>
    tree.write(`${bundle.fixid}/${fixid}${suffix}`, role, contentOf(text), releasedAt)
  const subject = { ...component, build: '', severity: 'recommended', machines: bundle.machines, requisites: [] }
  const readme = renderReadme(subject, Math.min(texts.readmeBytes, MAX_README_BYTES))
  const inventory = await write('_inventory.json', 'metadata', renderInventory(component))
  const inventoryFacts = { path: `${fixid}_inventory.json`, size: inventory.size, sha256: inventory.sha256 }
  return [
    await write('_index.json', 'metadata', renderIndex(component)),
    inventory,
    await write('_location.json', 'metadata', renderLocation()),
    await write('_signature.json', 'metadata', renderSignature(component, inventoryFacts)),
    await write('.txt', 'readme', readme),
    await write('.html', 'readme', renderHtml(subject, readme)),
    await write('.chg', 'change-history', renderChangeHistory(subject, Math.min(texts.changesBytes, MAX_CHANGES_BYTES)))
  ]
}

async function writeRoot(
  tree: Tree,
  bundle: BundlePlan,
  components: readonly V3Component[],
  texts: TextSizes
): Promise<PackageRecord> {
  const { fixid, releasedAt } = bundle
  const write = (suffix: string, role: FileRole, text: string) =>
    tree.write(`${fixid}/${fixid}${suffix}`, role, contentOf(text), releasedAt)
  const subject = { ...bundle, build: '', severity: 'recommended', requisites: [] }
  const facts = {
    ...bundle,
    machineTypes: bundle.machines.map(({ type }) => type),
    releaseNotes: [`${fixid}.txt`],
    changeHistory: [`${fixid}.chg`]
  }
  const files = [
    await write('_index.json', 'metadata', renderBundleIndex(facts, components)),
    await write('.txt', 'readme', renderReadme(subject, texts.readmeBytes)),
    await write('.chg', 'change-history', renderChangeHistory(subject, texts.changesBytes))
  ]
  const members = components.map((component) => component.fixid)
  const base = recordOf(bundle, { ...bundle, category: 'Bundle' }, files)
  const { bundle: _, ...record } = base
  return { ...record, form: 'v3-bundle', kind: 'system-pack', members }
}

function recordOf(
  bundle: BundlePlan,
  { fixid, category, version }: Pick<BundleComponent, 'fixid' | 'category' | 'version'>,
  files: readonly FileRecord[]
): PackageRecord {
  return {
    fixid,
    form: 'v3',
    kind: 'update',
    category,
    version,
    build: '',
    releaseDate: formatDate(bundle.releasedAt),
    machineTypes: bundle.machines.map(({ type }) => type),
    downloaded: true,
    requisites: [],
    supersedes: [],
    members: [],
    bundle: bundle.fixid,
    files
  }
}
