/**
 * Classic package metadata, `<fixid>.xml`. The property names of real packages are only partly public: names are
 * matched case-insensitively, synonyms are accepted, and unknown properties are kept under their names.
 */
import type { Member, NamedPayload, PackageDescription, Requisite, RequisiteKind } from '../core/catalog/package.ts'
import { type CimInstance, type CimProperty, parseCimInstance } from './cim-instance.ts'
import { decodeText } from './decode-text.ts'
import { isFixid } from './fixid.ts'
import { parseMachineTypes } from './machine-types.ts'

/** Largest size of a file that is parsed as classic metadata, in bytes. */
export const MAX_CLASSIC_XML_BYTES = 8 * 1024 * 1024

const SYNONYMS = {
  fixid: ['fixid', 'packageid'],
  name: ['name', 'title'],
  version: ['version'],
  buildNumber: ['buildnumber'],
  category: ['category'],
  vendor: ['vendor'],
  description: ['description'],
  severity: ['severity'],
  releaseDate: ['releasedate', 'date'],
  updateType: ['updatetype'],
  rebootRequired: ['rebootrequired'],
  payload: ['payload', 'payloadfiles', 'payloadfile'],
  payloadSize: ['payloadsize'],
  payloadSha256: ['payloadsha256'],
  companions: ['readmefilename', 'readme', 'changehistoryfilename', 'changehistory'],
  machineTypes: ['applicablemachinetypes'],
  operatingSystems: ['applicableoperatingsystems'],
  members: ['includedfixids'],
  prerequisite: ['prereq'],
  corequisite: ['coreq'],
  superseded: ['supersedes'],
  xmlFilename: ['xmlfilename']
} as const satisfies Record<string, readonly string[]>

type Meaning = keyof typeof SYNONYMS

const KNOWN_NAMES: ReadonlySet<string> = new Set(Object.values(SYNONYMS).flat())

/** The build id is seven characters; its first three name the firmware family. */
const FAMILY_LENGTH = 3

/**
 * @param bytes content of the metadata file
 * @param baseName its name without the extension: the fixid, unless the file contains another one
 * @throws MetadataError
 */
export function parseClassicXml(bytes: Uint8Array, baseName: string): PackageDescription {
  const instance = parseCimInstance(decodeText(bytes))
  const one = (meaning: Meaning) => all(instance, meaning)[0] ?? ''
  const fixid = one('fixid')
  const buildNumber = one('buildNumber')
  const isSystemPack = one('category').toUpperCase() === 'UXSP' || one('updateType').toLowerCase() === 'uxsp'
  const members = parseMembers(instance, isSystemPack)
  return {
    fixid: isFixid(fixid) ? fixid : baseName,
    kind: isSystemPack || members.length > 0 ? 'system-pack' : 'update',
    form: 'classic',
    name: one('name'),
    version: comparableVersion(one('version')),
    buildNumber,
    category: one('category'),
    vendor: one('vendor'),
    description: one('description'),
    severity: one('severity'),
    releaseDate: one('releaseDate'),
    updateType: one('updateType'),
    rebootRequired: one('rebootRequired'),
    machineTypes: parseMachineTypes(all(instance, 'machineTypes')),
    operatingSystems: all(instance, 'operatingSystems'),
    family: buildNumber.slice(0, FAMILY_LENGTH).toLowerCase(),
    members,
    requisites: parseRequisites(instance),
    payloads: parsePayloads(instance),
    companions: all(instance, 'companions'),
    properties: otherProperties(instance)
  }
}

/** All values of a meaning that are not empty. */
function all(instance: CimInstance, meaning: Meaning): string[] {
  return SYNONYMS[meaning].flatMap((name) => instance.get(name)?.values ?? []).filter((value) => value !== '')
}

/** The second word, if there is one, is the comparable version: `CDI340V 3.08`. */
function comparableVersion(text: string): string {
  const words = text.split(/\s+/)
  return words[1] ?? text
}

function parsePayloads(instance: CimInstance): NamedPayload[] {
  const names = [...new Set(all(instance, 'payload'))]
  const size = Number(all(instance, 'payloadSize')[0])
  const sha256 = all(instance, 'payloadSha256')[0]?.toLowerCase()
  // The recorded size and digest belong to a single payload.
  if (names.length !== 1) return names.map((name) => ({ name }))
  return names.map((name) => ({
    name,
    ...(Number.isSafeInteger(size) && size > 0 ? { size } : {}),
    ...(sha256 !== undefined && /^[0-9a-f]{64}$/.test(sha256) ? { sha256 } : {})
  }))
}

function parseRequisites(instance: CimInstance): Requisite[] {
  const kinds: readonly RequisiteKind[] = ['prerequisite', 'corequisite', 'superseded']
  return kinds.flatMap((kind) => all(instance, kind).map((fixid) => ({ fixid, kind })))
}

/** The property that lists a pack's members is not public: every array of unknown meaning in a pack may be it. */
function parseMembers(instance: CimInstance, isSystemPack: boolean): Member[] {
  const listed = all(instance, 'members').filter(isFixid)
  const candidates = isSystemPack
    ? unknownArrays(instance)
        .flatMap((property) => property.values)
        .filter(isFixid)
    : []
  const members = new Map<string, Member>()
  for (const fixid of listed) members.set(fixid, { fixid, kind: 'listed' })
  for (const fixid of candidates) if (!members.has(fixid)) members.set(fixid, { fixid, kind: 'candidate' })
  return [...members.values()]
}

function unknownArrays(instance: CimInstance): CimProperty[] {
  return [...instance]
    .filter(([key, property]) => property.isArray && !KNOWN_NAMES.has(key))
    .map(([, property]) => property)
}

function otherProperties(instance: CimInstance): Record<string, readonly string[]> {
  const others = [...instance].filter(([key]) => !KNOWN_NAMES.has(key))
  return Object.fromEntries(others.map(([, property]) => [property.name, property.values]))
}
