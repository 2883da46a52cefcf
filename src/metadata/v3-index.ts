/** The index of a V3 package or bundle, `_index.json`: the updates. A bundle's index lists many packages. */
import { foldName } from '../core/catalog/file-name.ts'
import type { MachineType, Member, PackageDescription } from '../core/catalog/package.ts'
import { isFixid } from './fixid.ts'
import {
  dateOf,
  type LooseObject,
  member,
  objectMember,
  objectsMember,
  parseLooseObject,
  textMember,
  textsMember,
  unique
} from './loose-json.ts'
import { parseMachineTypes } from './machine-types.ts'
import { MetadataError } from './metadata-error.ts'

/** Largest size of a JSON file that is parsed as V3 metadata, in bytes. */
export const MAX_V3_JSON_BYTES = 64 * 1024 * 1024

/**
 * The packages that an index describes; for a bundle, first the bundle and then its components.
 * @param baseName name of the index without `_index.json`: the fixid, unless the file contains another one
 */
export function parseV3Index(bytes: Uint8Array, baseName: string): PackageDescription[] {
  const index = parseLooseObject(bytes)
  const updates = objectsMember(index, 'Updates')
  if (updates.length === 0) throw new MetadataError('not-metadata', 'it has no Updates')
  const oem = objectMember(index, 'Oem')
  // A component's index may repeat the facts about its bundle, and has an update for each of its payloads.
  const isOfComponent = updates.every((update) => foldName(fixidOf(update)) === foldName(baseName))
  const isBundle = !isOfComponent && (updates.length > 1 || member(oem, 'BundleData') !== undefined)
  if (!isBundle) return mergeByFixid(updates.map((update) => component(update, fixidOf(update) || baseName, oem)))
  const components = updates
    .filter((update) => fixidOf(update) !== '')
    .map((update) => component(update, fixidOf(update), {}))
  return [bundle(oem, baseName, components), ...mergeByFixid(components)]
}

function component(update: LooseObject, fixid: string, indexOem: LooseObject): PackageDescription {
  const oem = objectMember(update, 'Oem')
  const inventory = objectsMember(oem, 'Inventory')
  const payloads = [textMember(update, 'Payload'), ...inventory.map((item) => textMember(item, 'Payload'))]
  const machineTypes = [
    ...textsMember(oem, 'ApplicableMachineTypes'),
    ...textsMember(indexOem, 'ApplicableMachineTypes')
  ]
  const first = inventory[0] ?? {}
  return {
    ...emptyDescription(fixid),
    name: textMember(oem, 'Name') || textMember(indexOem, 'Name'),
    version: textMember(first, 'Version') || textMember(indexOem, 'Version'),
    description: textMember(oem, 'Description') || textMember(indexOem, 'Description'),
    releaseDate: dateOf(textMember(oem, 'ReleaseDate') || textMember(indexOem, 'ReleaseDate')),
    machineTypes: parseMachineTypes(machineTypes),
    operatingSystems: unique(inventory.map((item) => textMember(item, 'OperatingSystem'))),
    family: inventory.map((item) => textMember(item, 'SoftwareId')).sort()[0] ?? '',
    payloads: unique(payloads).map((name) => ({ name })),
    companions: unique(['Inventory', 'Locations', 'AuthenticitySignature'].flatMap((name) => textsMember(update, name)))
  }
}

function bundle(oem: LooseObject, baseName: string, components: readonly PackageDescription[]): PackageDescription {
  const name = textMember(objectMember(oem, 'FixId'), 'Name')
  const documentation = objectMember(oem, 'DocumentationFiles')
  const parents = textsMember(objectMember(oem, 'BundleData'), 'ParentFixIds').filter(isFixid)
  const listed = new Set(components.map(({ fixid }) => fixid))
  const members: Member[] = [
    ...[...listed].map((fixid) => ({ fixid, kind: 'listed' as const })),
    ...unique(parents)
      .filter((fixid) => !listed.has(fixid))
      .map((fixid) => ({ fixid, kind: 'parent' as const }))
  ]
  const machineTypes = parseMachineTypes(textsMember(oem, 'ApplicableMachineTypes'))
  return {
    ...emptyDescription(isFixid(name) ? name : baseName),
    kind: 'system-pack',
    form: 'v3-bundle',
    name: textMember(oem, 'Name'),
    version: textMember(oem, 'Version'),
    category: 'UXSP',
    description: textMember(oem, 'Description'),
    releaseDate: dateOf(textMember(oem, 'ReleaseDate')),
    updateType: 'uxsp',
    machineTypes: machineTypes.length > 0 ? machineTypes : allMachineTypes(components),
    members,
    companions: unique([...textsMember(documentation, 'ReleaseNotes'), ...textsMember(documentation, 'ChangeHistory')])
  }
}

/** Several updates can have one fixid, each with another payload. */
function mergeByFixid(components: readonly PackageDescription[]): PackageDescription[] {
  return [...Map.groupBy(components, ({ fixid }) => fixid).values()].flatMap(([first, ...more]) => {
    if (first === undefined || more.length === 0) return first ?? []
    const all = [first, ...more]
    return {
      ...first,
      payloads: unique(all.flatMap(({ payloads }) => payloads.map(({ name }) => name))).map((name) => ({ name })),
      companions: unique(all.flatMap(({ companions }) => companions)),
      machineTypes: allMachineTypes(all),
      operatingSystems: unique(all.flatMap(({ operatingSystems }) => operatingSystems))
    }
  })
}

function emptyDescription(fixid: string): PackageDescription {
  return {
    fixid,
    kind: 'update',
    form: 'v3',
    name: '',
    version: '',
    buildNumber: '',
    category: '',
    vendor: '',
    description: '',
    severity: '',
    releaseDate: '',
    updateType: '',
    rebootRequired: '',
    machineTypes: [],
    operatingSystems: [],
    family: '',
    members: [],
    requisites: [],
    payloads: [],
    companions: [],
    properties: {}
  }
}

function fixidOf(update: LooseObject): string {
  const oem = objectMember(update, 'Oem')
  const fixid = textMember(objectMember(oem, 'FixId'), 'Name') || textMember(oem, 'FixId')
  return isFixid(fixid) ? fixid : ''
}

function allMachineTypes(packages: readonly PackageDescription[]): MachineType[] {
  const found = new Map<string, MachineType>()
  for (const machine of packages.flatMap((item) => item.machineTypes)) {
    if (!found.has(machine.type)) found.set(machine.type, machine)
  }
  return [...found.values()]
}
