/**
 * Compares answers with the OpenAPI document: they must have no undocumented member, and no documented one may be
 * missing.
 */
import { Ajv2020, type ErrorObject, type ValidateFunction } from 'ajv/dist/2020.js'

interface Media {
  readonly schema?: object
}

interface Operation {
  readonly operationId?: string
  readonly responses: Readonly<Record<string, { readonly content?: Readonly<Record<string, Media>> }>>
}

/** The checked parts of the document. */
export interface OpenApi {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>
  readonly components?: { readonly schemas?: Readonly<Record<string, object>> }
}

export interface Answer {
  readonly status: number
  readonly contentType: string | undefined
  /** Undefined when it is none, or too long to be kept. */
  readonly body: string | undefined
}

/** Returns the mismatch of an answer as a sentence; undefined without one. */
export interface AnswerChecker {
  /** @param operationId of the route that has answered */
  check(operationId: string, answer: Answer): string | undefined
  /** The same for what a handler has given as an answer's body, before the schema makes JSON of it. */
  checkGiven(operationId: string, status: number, payload: unknown): string | undefined
  /** An answer where there is no route: an error in one of the forms that errors have. */
  checkUnknown(answer: Answer): string | undefined
  /** The operation that a request is for; undefined when there is none. */
  operationOf(method: string, path: string): string | undefined
}

const DOCUMENT = 'description'

/** The forms of errors, by the titles of their schemas. */
const ERRORS: Readonly<Record<string, string>> = {
  'application/json': 'Error',
  'application/problem+json': 'Problem'
}

const checkers = new Map<string, AnswerChecker>()

/** The checker of a description; equal ones share one, since compiling takes time. */
export function checkerOf(document: OpenApi): AnswerChecker {
  const text = JSON.stringify(document)
  const known = checkers.get(text)
  if (known !== undefined) return known
  const checker = createChecker(document)
  checkers.set(text, checker)
  return checker
}

function createChecker(document: OpenApi): AnswerChecker {
  const ajv = new Ajv2020({ strict: false, validateFormats: false, validateSchema: false })
  ajv.addSchema(closed(document) as object, DOCUMENT)
  const locations = new Map<string, { at: string; operation: Operation }>()
  const patterns: { operationId: string; method: string; pattern: RegExp }[] = []
  // A path without parameters takes precedence over one with parameters.
  for (const [path, methods] of Object.entries(document.paths).sort(
    ([left], [right]) => parameters(left) - parameters(right)
  )) {
    for (const [method, operation] of Object.entries(methods)) {
      const { operationId } = operation
      if (operationId === undefined) continue
      locations.set(operationId, { at: `#/paths/${escapePointer(path)}/${method}`, operation })
      patterns.push({ operationId, method, pattern: new RegExp(`^${path.replace(/\{[^}]+\}/g, '[^/]+')}/?$`) })
    }
  }

  function validate(at: string, value: unknown): string | undefined {
    const validator: ValidateFunction | undefined = ajv.getSchema(DOCUMENT + at)
    if (validator === undefined) return `there is no schema for it at ${at}`
    return validator(value) ? undefined : sentence(validator.errors?.[0])
  }

  /** The location of the schema of an answer's body, or the mismatch of an answer without one. */
  function find(operationId: string, status: number, contentType: string | undefined): { at?: string; wrong?: string } {
    const location = locations.get(operationId)
    if (location === undefined) return { wrong: `there is no operation ${operationId}` }
    const response = location.operation.responses[status]
    if (response === undefined) return { wrong: `the status ${status} is not described` }
    if (response.content === undefined) return {}
    const type = mediaType(contentType)
    if (response.content[type] === undefined) return { wrong: `the content type ${type || '(none)'} is not described` }
    return { at: `${location.at}/responses/${status}/content/${escapePointer(type)}/schema` }
  }

  return {
    check(operationId, { status, contentType, body }) {
      const { at, wrong } = find(operationId, status, contentType)
      if (wrong !== undefined || body === undefined) return wrong
      if (at === undefined) return body === '' ? undefined : 'it has a body, and none is described'
      return isJson(contentType) ? validateText(body, (value) => validate(at, value)) : undefined
    },
    checkGiven(operationId, status, payload) {
      const types = Object.keys(locations.get(operationId)?.operation.responses[status]?.content ?? {})
      const type = types.find(isJson)
      if (type === undefined) return undefined
      const { at = '' } = find(operationId, status, type)
      const wrong = validate(at, JSON.parse(JSON.stringify(payload)))
      return wrong === undefined ? undefined : `of what the handler gave, ${wrong}`
    },
    checkUnknown({ status, contentType, body }) {
      const title = ERRORS[mediaType(contentType)]
      if (status < 400 || title === undefined)
        return `there is no such route, and ${status} is no error of a known form`
      if (body === undefined) return undefined
      return validateText(body, (value) => validate(`#/components/schemas/${title}`, value))
    },
    operationOf(method, path) {
      const wanted = method === 'HEAD' ? 'get' : method.toLowerCase()
      return patterns.find((one) => one.method === wanted && one.pattern.test(path))?.operationId
    }
  }
}

/** Undocumented members are forbidden, unless the schema allows additional ones. */
function closed(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(closed)
  if (typeof value !== 'object' || value === null) return value
  const members = Object.fromEntries(Object.entries(value).map(([name, member]) => [name, closed(member)]))
  const isOpen = members.type !== 'object' || 'additionalProperties' in members || 'patternProperties' in members
  return isOpen ? members : { ...members, additionalProperties: false }
}

function validateText(text: string, validate: (value: unknown) => string | undefined): string | undefined {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (error) {
    return `the body is no JSON: ${(error as Error).message}`
  }
  return validate(value)
}

function sentence(error: ErrorObject | undefined): string {
  const at = `body${error?.instancePath.replaceAll('/', '.') ?? ''}`
  if (error?.keyword === 'additionalProperties') return `${at}.${error.params.additionalProperty} is not described`
  return `${at} ${error?.message ?? 'is not valid'}`
}

/** Without its parameters; empty for none. */
export function mediaType(contentType = ''): string {
  return contentType.split(';', 1)[0]?.trim().toLowerCase() ?? ''
}

export function isJson(contentType: string | undefined): boolean {
  return /^application\/([a-z.-]+\+)?json$/.test(mediaType(contentType))
}

function parameters(path: string): number {
  return path.split('{').length
}

/** RFC 6901, in a fragment. */
function escapePointer(name: string): string {
  return encodeURIComponent(name.replaceAll('~', '~0').replaceAll('/', '~1'))
}
