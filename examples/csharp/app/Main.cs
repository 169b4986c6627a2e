using System;
using Example.Greeting;

static class Program
{
    static void Main(string[] names)
    {
        foreach (var name in names.Length == 0 ? new[] { "world" } : names)
        {
            Console.WriteLine(Greeter.Greet(name));
        }
    }
}
