/**
 * Metadata of classic packages. The public grammar is CIM-XML: `INSTANCE` with `PROPERTY` and `PROPERTY.ARRAY`. The
 * first seven properties are known from the vendor's scripts, with their exact spelling. The other properties of real
 * files are not public: those below the comment are invented.
 */
import { formatDate } from '../plan/calendar.ts'
import type { Component } from '../plan/components.ts'
import { describeMachine } from '../plan/machine-types.ts'
import type { PackagePlan, Spelling } from '../plan/package-plan.ts'
import type { SystemPackPlan } from '../plan/system-packs.ts'
import { createRandom } from '../random.ts'

/** The facts about the payload in the metadata, true or false. */
export interface PayloadFacts {
  readonly name: string
  readonly size: number
  readonly sha256: string
}

/** Names of the files that accompany the payload. */
export interface SiblingNames {
  readonly xml: string
  readonly readme: string
  readonly changes: string
}

const UPDATE_TYPES: Readonly<Record<Component['kind'], string>> = {
  fw: 'firmware',
  dd: 'driver',
  utl: 'utility',
  sw: 'software'
}

/** The XML of one update package. */
export function renderPackageXml(plan: PackagePlan, payload: PayloadFacts, siblings: SiblingNames): string {
  const { component } = plan
  return document('Synthetic_FirmwareUpdate', [
    property('category', component.category),
    property('Version', [plan.build, plan.version].filter((word) => word !== '').join(' ')),
    ...(plan.build === '' ? [] : [property('buildNumber', plan.build)]),
    property('payload', payload.name),
    property('xmlFilename', siblings.xml),
    ...list('preReq', plan.requisites),
    ...list('applicableMachineTypes', plan.machines.map(describeMachine)),
    OWN_PROPERTIES,
    property('fixid', plan.fixid),
    property('name', `${plan.title} (For ${plan.os === 'anyos' ? 'AnyOS' : plan.os})`),
    property('description', 'Synthetic test package. Not for hardware.'),
    property('vendor', plan.vendor),
    property('updateType', UPDATE_TYPES[component.kind]),
    property('severity', plan.severity),
    property('releaseDate', formatDate(plan.releasedAt)),
    property('rebootRequired', component.rebootRequired ? 'yes' : 'no'),
    property('payloadSize', String(payload.size), 'uint64'),
    property('payloadSha256', payload.sha256),
    property('readmeFilename', siblings.readme),
    property('changeHistoryFilename', siblings.changes),
    ...list('applicableOperatingSystems', [plan.os === 'anyos' ? 'None' : plan.os]),
    ...list('applicableDeviceIdLabel', component.spread === 'device' ? deviceLabels(plan) : []),
    ...list('supersedes', plan.supersedes)
  ])
}

/** The XML of a system pack, which has no payload. */
export function renderSystemPackXml(pack: SystemPackPlan, siblings: SiblingNames): string {
  const members = pack.missingMember === '' ? pack.members : [...pack.members, pack.missingMember]
  return document('Synthetic_SystemPack', [
    property('category', 'UXSP'),
    property('Version', `${pack.build} ${pack.version}`),
    property('buildNumber', pack.build),
    property('xmlFilename', siblings.xml),
    ...list('applicableMachineTypes', [describeMachine(pack.machine)]),
    OWN_PROPERTIES,
    property('fixid', pack.fixid),
    property('name', pack.title),
    property('vendor', 'lnvgy'),
    property('updateType', 'uxsp'),
    property('releaseDate', formatDate(pack.releasedAt)),
    property('readmeFilename', siblings.readme),
    property('changeHistoryFilename', siblings.changes),
    ...list('applicableOperatingSystems', [pack.os === 'anyos' ? 'None' : pack.os]),
    ...list('includedFixIds', members)
  ])
}

/** The bytes of a metadata file, in the encodings and line ends that tools on other systems write. */
export function encodeXml(xml: string, spelling: Spelling): Buffer {
  if (spelling === 'crlf') return Buffer.from(xml.replaceAll('\n', '\r\n'))
  if (spelling === 'bom') return Buffer.from(`\ufeff${xml}`)
  if (spelling === 'utf16')
    return Buffer.from(`\ufeff${xml.replace('encoding="UTF-8"', 'encoding="UTF-16"')}`, 'utf16le')
  return Buffer.from(xml)
}

const OWN_PROPERTIES = '  <!-- below: extension of the sample generator, not seen in real files -->'

function document(className: string, properties: readonly string[]): string {
  const lines = ['<?xml version="1.0" encoding="UTF-8"?>', `<INSTANCE CLASSNAME="${className}">`, ...properties]
  return `${[...lines, '</INSTANCE>'].join('\n')}\n`
}

function property(name: string, value: string, type = 'string'): string {
  return `  <PROPERTY NAME="${name}" TYPE="${type}"><VALUE>${escapeXml(value)}</VALUE></PROPERTY>`
}

/** An array property; no text when it would be empty. */
function list(name: string, values: readonly string[]): string[] {
  if (values.length === 0) return []
  return [
    `  <PROPERTY.ARRAY NAME="${name}" TYPE="string">`,
    '    <VALUE.ARRAY>',
    ...values.map((value) => `      <VALUE>${escapeXml(value)}</VALUE>`),
    '    </VALUE.ARRAY>',
    '  </PROPERTY.ARRAY>'
  ]
}

function escapeXml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
}

function deviceLabels(plan: PackagePlan): string[] {
  const random = createRandom(`labels/${plan.fixid}`)
  const id = () => random.hex(4).toUpperCase()
  return Array.from({ length: plan.texts.labels }, () => `PCI\\VEN_${id()}&DEV_${id()}&SUBSYS_${id()}17AA`)
}
