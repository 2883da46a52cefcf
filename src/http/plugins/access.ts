/** The role that each route declares, its check, and its description in the OpenAPI document. */
import type { FastifyRequest, RouteOptions } from 'fastify'
import { covers, higherRole, type Identity, lowerRole, type Role } from '../../core/accounts/access.ts'
import { Problem } from '../../core/problems/problem.ts'
import type { TaskReader } from '../../core/tasks/task.ts'

/** Access of a route that needs different roles for different query parameters. */
export interface AccessByQuery {
  /** The role when the query has none of the values. */
  readonly otherwise: Role
  /** Roles by normalised parameter and value. If several match, the highest role is needed. */
  readonly byQuery: Readonly<Record<string, Readonly<Record<string, Role>>>>
}

/** Only with a password or a session: a stolen token must not create anything that outlives it. */
export interface AccessOfPeople {
  readonly role: Role
  readonly isForPeople: true
}

/** `public`: no login is needed. */
export type Access = 'public' | Role | AccessByQuery | AccessOfPeople

declare module 'fastify' {
  interface FastifyContextConfig {
    /**
     * The role that the route needs. Without it, and without `accessOfRoutes` of its plugin, the app does not start.
     */
    access?: Access
  }
  interface FastifyInstance {
    /** Access of routes without a declaration; for routes of third-party plugins. */
    accessOfRoutes?: Access
  }
}

/** @throws Error when the route declares no access */
export function declaredAccess({ config, method, url }: RouteOptions, standard: Access | undefined): Access {
  const access = config?.access ?? standard
  if (access === undefined) throw new Error(`The route ${method} ${url} does not declare which role it needs.`)
  return access
}

export function dependsOnQuery(access: Access | undefined): access is AccessByQuery {
  return typeof access === 'object' && 'byQuery' in access
}

function isForPeople(access: Access): access is AccessOfPeople {
  return typeof access === 'object' && 'isForPeople' in access
}

/** The lowest role with which any request of the route is allowed. */
export function leastRole(access: Exclude<Access, 'public'>): Role {
  if (typeof access === 'string') return access
  if ('role' in access) return access.role
  const roles = Object.values(access.byQuery).flatMap((values) => Object.values(values))
  return roles.reduce(lowerRole, access.otherwise)
}

/** The role that this query needs. */
function roleOfQuery({ otherwise, byQuery }: AccessByQuery, query: Readonly<Record<string, unknown>>): Role {
  const needed = Object.entries(byQuery).flatMap(([name, values]) => {
    const value = query[name]
    return typeof value === 'string' && Object.hasOwn(values, value) ? [values[value] ?? otherwise] : []
  })
  return needed.length === 0 ? otherwise : needed.reduce(higherRole)
}

/** The check before the query is normalised. @throws Problem ACCESS_DENIED */
export function checkAccess(identity: Identity, access: Exclude<Access, 'public'>): void {
  // The query can need a higher role.
  requireRole(identity, leastRole(access), dependsOnQuery(access) ? 'at least the role' : 'the role')
  if (!isForPeople(access) || identity.kind !== 'token') return
  throw new Problem('ACCESS_DENIED', 'This request needs a login with a password or a session, and has a token.')
}

/** The check after the query is normalised. @throws Problem ACCESS_DENIED */
export async function checkQueryAccess(request: FastifyRequest): Promise<void> {
  const { access } = request.routeOptions.config
  if (!dependsOnQuery(access) || request.identity === null) return
  requireRole(request.identity, roleOfQuery(access, request.query as Record<string, unknown>))
}

/** @throws Problem ACCESS_DENIED that names the role */
export function requireRole({ name, role, kind }: Identity, needed: Role, wording = 'the role'): void {
  if (covers(role, needed)) return
  const subject = kind === 'token' ? `the token of ${name}` : name
  throw new Problem('ACCESS_DENIED', `This request needs ${wording} ${needed}; ${subject} has the role ${role}.`)
}

/**
 * Only operators cancel the tasks of other users. The creator of a task never changes, so the check can come before the
 * command; unknown tasks are left to the command.
 * @throws Problem ACCESS_DENIED
 */
export async function requireOwnTasks(
  identity: Identity | null,
  tasks: Pick<TaskReader, 'findTask'>,
  ids: readonly number[]
): Promise<void> {
  if (identity === null || covers(identity.role, 'operator')) return
  for (const id of ids) {
    const task = await tasks.findTask(id)
    if (task === undefined || task.createdBy === identity.name) continue
    throw new Problem(
      'ACCESS_DENIED',
      `The task ${id} belongs to ${task.createdBy}: to cancel it, you need the role operator.`
    )
  }
}

/** For `@fastify/swagger`: adds the needed role to the description of the operation. */
export function describeAccess<Schema extends object>(
  schema: Schema | undefined,
  access: Access | undefined
): Schema | undefined {
  if (schema === undefined || access === undefined) return schema
  const { description, security } = schema as { description?: string; security?: unknown }
  return {
    ...schema,
    description: [description, sentence(access)].filter(Boolean).join(' '),
    ...(isForPeople(access) && security === undefined ? { security: FOR_PEOPLE } : {}),
    'x-required-role': access === 'public' ? 'public' : leastRole(access),
    ...(dependsOnQuery(access) ? { 'x-required-role-by-query': access } : {})
  }
}

const FOR_PEOPLE = [{ basic: [] }, { session: [], csrf: [] }]

function sentence(access: Access): string {
  if (access === 'public') return 'Needs no login.'
  if (typeof access === 'string') return `Needs the role \`${access}\`.`
  if ('role' in access) return `Needs the role \`${access.role}\`, and a password or a session: a token is refused.`
  const cases = Object.entries(access.byQuery).flatMap(([name, values]) =>
    Object.entries(values).map(([value, role]) => `\`${role}\` for \`${name}=${value}\``)
  )
  return `Needs the role ${cases.join(', ')}, and \`${access.otherwise}\` otherwise.`
}
