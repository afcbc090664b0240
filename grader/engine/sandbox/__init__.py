"""The untrusted side: a process that runs the student's code, and the wire to it.

worker      the confined process in which the student's module lives
servant     carries out requests on a module: in the worker, and in the judge on a known mistake
objects     the student's objects by number
modules     their `nn.Module`s, in step with the mirrors in the judge
exceptions  what their code raised, as a message
wire        the typed messages
pack        values as parts of messages, and back
reading     the door by which replies come in: each is read through before it is used
channel     frames over a socket, with bounds and deadlines
proxy       the face of the student's module in the judge
mirror      that of its `nn.Module`s
confine     what a worker gives up before it sees the student's source
starter     what a judge is given to start workers with
"""
