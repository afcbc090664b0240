"""The process that runs the student's code, and the wire to it.

In the worker:
worker         the confined process in which the student's module lives
executor       carries out requests on a module; in the judge also on the reference and on known mistakes
objects        the student's objects by number
modules        their `nn.Module`s, in step with the mirrors in the judge
exceptions     exceptions of their code as messages
confine        what a worker gives up before it gets the student's source

On both sides:
wire           the typed messages
pack           values as parts of messages, and back
channel        frames over a socket, with bounds and deadlines

In the judge:
validation     checks each reply of a worker before it is used
proxy          stand-ins for the student's module and objects
mirror         stand-ins for their `nn.Module`s
starter        the interface by which a judge starts workers
"""
