public static class Greeting
{
    public static string Of(string name)
    {
        return "Hello, " + name + "!";
    }
}
